// Key Vault: token sets, client secrets and webhook keys. None is written here, or a deployment would set a token back.

@description('Name of the vault: 3 to 24 letters, digits and dashes. It stays taken for 90 days after the vault is deleted.')
@minLength(3)
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

@description('Where diagnostics go.')
param workspaceId string

@description('Whether only private endpoints and the operator\'s addresses get in.')
param privateNetworking bool

@description('The operator\'s addresses.')
param operatorAddresses string[]

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: privateNetworking && empty(operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Open to whoever has a role, since an app outside a virtual network has no address of its own.
      defaultAction: privateNetworking ? 'Deny' : 'Allow'
      bypass: 'None'
      ipRules: [for address in (privateNetworking ? operatorAddresses : []): { value: address }]
    }
  }
}

// Who read or wrote which secret, and when.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'audit', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = vault.id
output name string = vault.name
output uri string = vault.properties.vaultUri
