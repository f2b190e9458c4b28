"""Tools of the workshop: builders of Azure records, the benchmark load, generators and checks."""
