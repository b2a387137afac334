"""The commands of `mmgcn`, one file each."""
