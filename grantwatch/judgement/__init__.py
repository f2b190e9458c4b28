"""What a finding says, and how bad it is."""
