"""From a look at a folder to a job: what lies in an inbox, what has settled there, and what is admitted."""
