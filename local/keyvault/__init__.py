"""The Key Vault stand-in: secrets with versions and soft delete, as azure-keyvault-secrets asks for them."""
