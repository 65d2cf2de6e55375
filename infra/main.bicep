// Everything that one deployment of the connector needs, in a resource group of its own. docs/infra.md says why each is there.
targetScope = 'subscription'

@description('Name of this deployment, such as xero-prod. It names the resource group, and is the name of the azd environment.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Azure region. It must offer Flex Consumption, and is where the books lie.')
@minLength(1)
param location string

@description('Object id of who operates the connector with manage.py: a user, or better a group. Empty: nobody gets a role.')
param operatorPrincipalId string = ''

@description('What the operator is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param operatorPrincipalType string = 'User'

@description('Client id of the Xero app. One Xero app per deployment.')
@minLength(1)
param xeroClientId string

@description('How Xero lets us in: consent is a user in a browser, custom is a custom connection with client credentials.')
@allowed(['consent', 'custom'])
param xeroConnection string = 'consent'

@description('History begins here, as YYYY-MM-DD.')
@minLength(10)
@maxLength(10)
param startDate string

@description('How Power BI lets us in. secret and certificate are in the vault; managed-identity has neither.')
@allowed(['secret', 'certificate', 'managed-identity'])
param powerBiAuth string = 'secret'

@description('The Entra tenant of the Power BI workspace. Empty: the one of this subscription.')
param powerBiTenantId string = ''

@description('Client id of the app registration that writes to Power BI. Not read with managed-identity.')
param powerBiClientId string = ''

@description('The Power BI workspace that holds the dataset.')
@minLength(36)
@maxLength(36)
param powerBiWorkspaceId string

@description('Name of the dataset. Two deployments never share one.')
@minLength(1)
param powerBiDatasetName string = 'Xero'

@description('When poll_timer fires: NCRONTAB with seconds, in UTC. Every ten minutes at the least, or its alert is always on.')
param pollSchedule string = '0 * * * * *'

@description('When token_refresh_timer fires: NCRONTAB with seconds, in UTC. Leave it at five minutes.')
param tokenRefreshSchedule string = '0 */5 * * * *'

@description('Other settings of docs/settings.md by name, such as {TIME_ZONE: \'Australia/Sydney\'}. They cannot replace one that is set here.')
param moreSettings object = {}

@description('Memory of an instance in MB: 512, 2048 or 4096.')
@minValue(512)
@maxValue(4096)
param instanceMemoryMB int = 2048

@description('Instances of each function at most. 40 is accepted in every region, less only in some.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('How storage is replicated. LRS: three copies in one data centre. ZRS: three zones. GRS, GZRS: a second region, too.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Days for which a deleted blob or container can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 7

@description('Days for which Xero\'s answers are kept once their rows are in Power BI (blobs under outbox/done/).')
@minValue(1)
@maxValue(3650)
param doneDays int = 30

@description('What is logged of each call to blobs and tables. Reads and writes of the connector itself are many thousands a day, and billed.')
param storageLogs ('StorageRead' | 'StorageWrite' | 'StorageDelete')[] = ['StorageDelete']

@description('GB a day at which Log Analytics stops taking telemetry in. An alert tells.')
@minValue(1)
param dailyCapGb int = 1

@description('Days for which telemetry is kept. 31 are free of charge.')
@minValue(30)
@maxValue(730)
param logDays int = 30

@description('Who is told of alarms, by e-mail. Empty: alerts are in the portal only.')
param alertEmails string[] = []

@description('Whether alerts are on. Off while a deployment is tried out.')
param alertsEnabled bool = true

@description('Costs of the resource group a month at which the action group is told, in the currency of the bill. 0: no budget.')
@minValue(0)
param monthlyBudget int = 50

@description('First day of the budget\'s first month. Leave it: only a default may ask for today.')
param budgetStart string = '${utcNow('yyyy')}-${utcNow('MM')}-01T00:00:00Z'

@description('Storage and vault are reached through private endpoints only, and the function app through a virtual network.')
param privateNetworking bool = false

@description('With privateNetworking: public IPv4 addresses, or ranges of at least four, from which the operator reaches storage and vault. Empty: none.')
param operatorAddresses string[] = []

@description('With privateNetworking: address space of the virtual network, a /24 that nothing else uses.')
param addressSpace string = '10.90.0.0/24'

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: tags
    dailyCapGb: dailyCapGb
    logDays: logDays
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    redundancy: storageRedundancy
    softDeleteDays: softDeleteDays
    doneDays: doneDays
    logs: storageLogs
    workspaceId: monitoring.outputs.workspaceId
    privateNetworking: privateNetworking
    operatorAddresses: operatorAddresses
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    privateNetworking: privateNetworking
    operatorAddresses: operatorAddresses
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    addressSpace: addressSpace
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    componentName: monitoring.outputs.componentName
  }
}

module operatorRoles 'modules/operator-roles.bicep' = if (!empty(operatorPrincipalId)) {
  scope: group
  params: {
    principalId: operatorPrincipalId
    principalType: operatorPrincipalType
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    componentName: monitoring.outputs.componentName
  }
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    identityName: identity.outputs.name
    storageName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    vaultName: vault.outputs.name
    componentName: monitoring.outputs.componentName
    workspaceId: monitoring.outputs.workspaceId
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    xeroClientId: xeroClientId
    xeroConnection: xeroConnection
    startDate: startDate
    powerBiAuth: powerBiAuth
    powerBiTenantId: empty(powerBiTenantId) ? tenant().tenantId : powerBiTenantId
    powerBiClientId: powerBiClientId
    powerBiWorkspaceId: powerBiWorkspaceId
    powerBiDatasetName: powerBiDatasetName
    pollSchedule: pollSchedule
    tokenRefreshSchedule: tokenRefreshSchedule
    moreSettings: moreSettings
  }
  // The host fails at its first start when it may not use its storage yet.
  dependsOn: [roles]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    emails: alertEmails
    enabled: alertsEnabled
    siteId: app.outputs.id
    componentId: monitoring.outputs.componentId
    workspaceId: monitoring.outputs.workspaceId
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
  }
}

@description('The function app, for manage.py --app and for publishing.')
output AZURE_FUNCTION_APP_NAME string = app.outputs.name

@description('The resource group that holds all of it.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Where the secrets go.')
output KEY_VAULT_URL string = vault.outputs.uri

@description('The storage account.')
output AZURE_STORAGE_ACCOUNT string = storage.outputs.name

@description('The delivery URL of the Xero app\'s webhooks.')
output WEBHOOK_URL string = app.outputs.webhookUrl

@description('Name of the identity, by which it is added to the Power BI workspace with managed-identity.')
output IDENTITY_NAME string = identity.outputs.name

@description('Client id of the identity.')
output IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Object id of the identity, for the Entra group that may use Power BI\'s API.')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
