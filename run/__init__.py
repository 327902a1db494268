"""What stands behind bin/run, bin/test and bin/sluice: set-up, processes, checks. No product code."""
