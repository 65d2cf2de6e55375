// The plan, the function app and its settings.

@description('Name of the function app, and the first part of its address.')
param name string

@description('Name of the plan. Flex Consumption takes one app a plan.')
param planName string

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

@description('The identity that the app has.')
param identityName string

@description('The storage account.')
param storageName string

@description('Container of the deployed package.')
param deploymentContainer string

@description('The vault.')
param vaultName string

@description('The Application Insights component.')
param componentName string

@description('Where diagnostics go.')
param workspaceId string

@description('Subnet that the app sends through; empty without private networking.')
param subnetId string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('Instances of each function at most.')
param maximumInstanceCount int

@description('Client id of the Xero app.')
param xeroClientId string

@description('How Xero lets us in.')
param xeroConnection ('consent' | 'custom')

@description('History begins here.')
param startDate string

@description('How Power BI lets us in.')
param powerBiAuth ('secret' | 'certificate' | 'managed-identity')

@description('The Entra tenant of the Power BI workspace.')
param powerBiTenantId string

@description('Client id of the app registration that writes to Power BI.')
param powerBiClientId string

@description('The Power BI workspace.')
param powerBiWorkspaceId string

@description('Name of the dataset.')
param powerBiDatasetName string

@description('When poll_timer fires.')
param pollSchedule string

@description('When token_refresh_timer fires.')
param tokenRefreshSchedule string

@description('Other settings by name.')
param moreSettings object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'connector' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Xero refuses a webhook's answer that sets a cookie.
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: { minTlsVersion: '1.2' }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }

  // Publishing takes an Entra token, never a user name and password.
  resource noPasswordForScm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource noPasswordForFtp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }
}

// The whole set: a setting made by hand in the portal is gone after the next deployment. What is set here wins.
resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union(
    moreSettings,
    {
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.properties.clientId
      AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
      AzureWebJobsDisableHomepage: 'true'
      APPLICATIONINSIGHTS_CONNECTION_STRING: component.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
      AZURE_CLIENT_ID: identity.properties.clientId
      KEY_VAULT_URL: vault.properties.vaultUri
      XERO_CLIENT_ID: xeroClientId
      XERO_CONNECTION: xeroConnection
      START_DATE: startDate
      POWERBI_AUTH: powerBiAuth
      POWERBI_TENANT_ID: powerBiTenantId
      POWERBI_WORKSPACE_ID: powerBiWorkspaceId
      POWERBI_DATASET_NAME: powerBiDatasetName
      POLL_SCHEDULE: pollSchedule
      TOKEN_REFRESH_SCHEDULE: tokenRefreshSchedule
    },
    powerBiAuth == 'managed-identity' ? {} : { POWERBI_CLIENT_ID: powerBiClientId }
  )
}

// The app's own log by another way than its telemetry, so that an app that fails to start tells why.
resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: site
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

output id string = site.id
output name string = site.name
output webhookUrl string = 'https://${site.properties.defaultHostName}/api/xero/webhook'
