"""From a recording to its words: the recogniser's processes, and the work done in them."""
