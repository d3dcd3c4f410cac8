"""AssemblyAI's own parameters: `values` knows what each may be, `request` what a whole request may be."""
