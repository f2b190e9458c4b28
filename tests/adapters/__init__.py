"""The adapters before local servers in place of Azure."""
