// The parameters of main.bicep, from the environment: `azd env set NAME VALUE`, or variables of the shell for `az`.
using './main.bicep'

// Name of this deployment, such as xero-prod. azd sets it.
param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')

// Azure region, such as australiaeast. azd sets it.
param location = readEnvironmentVariable('AZURE_LOCATION')

// Object id of the operator: OPERATOR_ID, such as a group's; else who is logged in to azd, which sets AZURE_PRINCIPAL_ID even in
// a pipeline. A pipeline's own identity should not read the books, so give OPERATOR_ID there, or `none`.
var operator = readEnvironmentVariable('OPERATOR_ID', '')
var deployer = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')

// Who operates the connector with manage.py.
param operatorPrincipalId = operator == 'none' ? '' : empty(operator) ? deployer : operator

// User, Group or ServicePrincipal.
param operatorPrincipalType = readEnvironmentVariable('OPERATOR_TYPE', 'User')

// Client id of the Xero app.
param xeroClientId = readEnvironmentVariable('XERO_CLIENT_ID')

// consent, or custom for a custom connection.
param xeroConnection = readEnvironmentVariable('XERO_CONNECTION', 'consent')

// History begins here, as YYYY-MM-DD.
param startDate = readEnvironmentVariable('START_DATE')

// secret, certificate or managed-identity.
param powerBiAuth = readEnvironmentVariable('POWERBI_AUTH', 'secret')

// The Entra tenant of the Power BI workspace, when it is not the subscription's own.
param powerBiTenantId = readEnvironmentVariable('POWERBI_TENANT_ID', '')

// Client id of the app registration that writes to Power BI. Leave it out with managed-identity.
param powerBiClientId = readEnvironmentVariable('POWERBI_CLIENT_ID', '')

// The Power BI workspace, as in its address in the browser.
param powerBiWorkspaceId = readEnvironmentVariable('POWERBI_WORKSPACE_ID')

// Name of the dataset; another one for each deployment.
param powerBiDatasetName = readEnvironmentVariable('POWERBI_DATASET_NAME', 'Xero')

// When poll_timer fires, in UTC.
param pollSchedule = readEnvironmentVariable('POLL_SCHEDULE', '0 * * * * *')

// When token_refresh_timer fires, in UTC.
param tokenRefreshSchedule = readEnvironmentVariable('TOKEN_REFRESH_SCHEDULE', '0 */5 * * * *')

// Other settings of docs/settings.md, as JSON: {"TIME_ZONE": "Australia/Sydney", "XERO_DAY_LIMIT": "5000"}.
param moreSettings = json(readEnvironmentVariable('MORE_SETTINGS', '{}'))

// Memory of an instance in MB: 512, 2048 or 4096.
param instanceMemoryMB = int(readEnvironmentVariable('INSTANCE_MEMORY_MB', '2048'))

// Instances of each function at most.
param maximumInstanceCount = int(readEnvironmentVariable('MAXIMUM_INSTANCE_COUNT', '40'))

// Standard_LRS, Standard_ZRS, Standard_GRS or Standard_GZRS.
param storageRedundancy = readEnvironmentVariable('STORAGE_REDUNDANCY', 'Standard_LRS')

// Days for which a deleted blob or container can be brought back.
param softDeleteDays = int(readEnvironmentVariable('SOFT_DELETE_DAYS', '7'))

// Days for which Xero's answers are kept once their rows are in Power BI.
param doneDays = int(readEnvironmentVariable('DONE_DAYS', '30'))

// Calls to blobs and tables that are logged, as JSON: any of StorageRead, StorageWrite, StorageDelete.
param storageLogs = json(readEnvironmentVariable('STORAGE_LOGS', '["StorageDelete"]'))

// GB a day at which Log Analytics stops taking telemetry in.
param dailyCapGb = int(readEnvironmentVariable('DAILY_CAP_GB', '1'))

// Days for which telemetry is kept.
param logDays = int(readEnvironmentVariable('LOG_DAYS', '30'))

// Who is told of alarms, as JSON: ["ops@example.com"].
param alertEmails = json(readEnvironmentVariable('ALERT_EMAILS', '[]'))

// false while a deployment is tried out.
param alertsEnabled = bool(readEnvironmentVariable('ALERTS_ENABLED', 'true'))

// Costs a month at which the action group is told, in the currency of the bill; 0 for none.
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '50'))

// true: storage and vault by private endpoints only. docs/infra.md says how the operator gets in.
param privateNetworking = bool(readEnvironmentVariable('PRIVATE_NETWORKING', 'false'))

// With PRIVATE_NETWORKING, the operator's public IPv4 addresses, as JSON: ["203.0.113.7"].
param operatorAddresses = json(readEnvironmentVariable('OPERATOR_ADDRESSES', '[]'))

// With PRIVATE_NETWORKING, a /24 that nothing else uses.
param addressSpace = readEnvironmentVariable('ADDRESS_SPACE', '10.90.0.0/24')
