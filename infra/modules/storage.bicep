// The storage account: what shared/storage.py names, the function host's own blobs, and the deployed package. No keys.

@description('Name of the account: 3 to 24 small letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

@description('How the account is replicated.')
param redundancy ('Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS')

@description('Days for which a deleted blob or container can be brought back.')
param softDeleteDays int

@description('Days for which blobs under outbox/done/ are kept.')
param doneDays int

@description('Categories of calls to blobs and tables that are logged.')
param logs string[]

@description('Where diagnostics go.')
param workspaceId string

@description('Whether only private endpoints and the operator\'s addresses get in.')
param privateNetworking bool

@description('The operator\'s addresses.')
param operatorAddresses string[]

// shared/storage.py, CONTAINERS.
var containers = [
  'outbox'
  'reads'
  'mirror'
  'quarantine'
  'leases'
]

// The package that the platform runs. No other app may share it.
var deploymentContainer = 'deployment'

// shared/storage.py, QUEUES. The host moves a message there that failed too often.
var queues = [
  'push'
  'push-poison'
]

// shared/storage.py, TABLES. The audit makes a table a month of its own.
var tables = [
  'mirror'
  'sink'
  'checkpoints'
  'connections'
  'budgets'
  'quarantine'
]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetworking && empty(operatorAddresses) ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Open to whoever has a role, since an app outside a virtual network has no address of its own.
      defaultAction: privateNetworking ? 'Deny' : 'Allow'
      bypass: 'None'
      ipRules: [for address in (privateNetworking ? operatorAddresses : []): { value: address, action: 'Allow' }]
    }
  }

  resource blob 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
      containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    }

    resource container 'containers' = [
      for wanted in concat(containers, [deploymentContainer]): {
        name: wanted
        properties: { publicAccess: 'None' }
      }
    ]
  }

  resource queue 'queueServices' = {
    name: 'default'

    resource one 'queues' = [for wanted in queues: { name: wanted }]
  }

  resource table 'tableServices' = {
    name: 'default'

    resource one 'tables' = [for wanted in tables: { name: wanted }]
  }
}

// Xero's answers go once their rows have been in Power BI for so long. What is pending or in quarantine is never touched.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'outbox-done'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['outbox/done/']
            }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: doneDays } } }
          }
        }
      ]
    }
  }
}

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::blob
  properties: {
    workspaceId: workspaceId
    logs: [for category in logs: { category: category, enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource tableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::table
  properties: {
    workspaceId: workspaceId
    logs: [for category in logs: { category: category, enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

// Metrics alone: the host looks into the queue every second, and messages hold ids only.
resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: account::queue
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output id string = account.id
output name string = account.name
output deploymentContainer string = deploymentContainer
