"""The commands of bin/sluice, one file per subject."""
