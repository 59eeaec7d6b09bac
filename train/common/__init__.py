"""What every trainer and measure shares: runs, judges, contact sheets."""
