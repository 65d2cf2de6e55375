// Who the function app is: for storage, vault, telemetry, its own package and, if so chosen, Power BI.

@description('Name of the identity.')
param name string

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output name string = identity.name
output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
