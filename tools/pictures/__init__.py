"""Pictures as people have them: which files, their grey levels, their ink, and the output of a command on them."""
