"""Adapters against what stands in for the services behind them."""
