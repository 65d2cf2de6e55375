// Who is told, and of what. The connector finds its alarms itself (shared/sync/alarms.py) and logs a line for each that
// stands; the rules below wait for these lines, and notice when they cannot come: no runs, no telemetry, no app.

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

@description('Who is told, by e-mail.')
param emails string[]

@description('Whether alerts are on.')
param enabled bool

@description('The function app.')
param siteId string

@description('The Application Insights component.')
param componentId string

@description('The Log Analytics workspace.')
param workspaceId string

@description('Costs a month at which the action group is told; 0 for no budget.')
param monthlyBudget int

@description('First day of the budget\'s first month.')
param budgetStart string

// Codes and severities are those of shared/sync/alarms.py, without those of severity 4: 0 critical, 1 error, 2 warning,
// 3 information. `above`: so many lines in the window are borne, as of a scanner that finds the webhook's address.
var alarms = [
  { code: 'not-polled', severity: 1, line: 'alarm code=not-polled ', above: 0, text: 'An organisation was not read within its promise' }
  { code: 'consent-lost', severity: 1, line: 'alarm code=consent-lost ', above: 0, text: 'Xero no longer lets us into an organisation' }
  { code: 'token-refresh', severity: 1, line: 'alarm code=token-refresh ', above: 0, text: 'A token set cannot be renewed' }
  { code: 'stale', severity: 1, line: 'alarm code=stale ', above: 0, text: 'A table in Power BI is older than promised' }
  { code: 'parked', severity: 1, line: 'alarm code=parked ', above: 0, text: 'Work is parked until a person decides' }
  { code: 'vanished', severity: 1, line: 'alarm code=vanished ', above: 0, text: 'Many records vanished at once' }
  { code: 'dataset', severity: 1, line: 'alarm code=dataset ', above: 0, text: 'A dataset is missing, or Power BI refuses it' }
  { code: 'differs', severity: 1, line: 'alarm code=differs ', above: 0, text: 'Xero, mirror and Power BI differ' }
  { code: 'poisoned', severity: 2, line: 'alarm code=poisoned ', above: 0, text: 'Messages lie in the poison queue' }
  { code: 'quarantined', severity: 2, line: 'alarm code=quarantined ', above: 0, text: 'Records lie in the quarantine' }
  { code: 'compaction', severity: 2, line: 'alarm code=compaction ', above: 0, text: 'A compaction is stuck' }
  { code: 'mirror-lost', severity: 2, line: 'alarm code=mirror-lost ', above: 0, text: 'The mirror lost records and is being read again' }
  { code: 'webhook-failed', severity: 2, line: 'webhook failed ', above: 0, text: 'Webhooks of Xero are answered 5xx' }
  { code: 'webhook-refused', severity: 3, line: 'webhook refused ', above: 20, text: 'Webhooks with a wrong signature' }
  { code: 'day-budget', severity: 3, line: 'alarm code=day-budget ', above: 0, text: 'The day\'s calls to Xero are nearly spent' }
  { code: 'unproven', severity: 3, line: 'alarm code=unproven ', above: 0, text: 'Figures were not compared with Xero for too long' }
  { code: 'paused', severity: 3, line: 'alarm code=paused ', above: 0, text: 'Reading has been paused for over a day' }
  { code: 'test', severity: 3, line: 'alarm code=test ', above: 0, text: 'A test of the alarms, asked for by the operator' }
]

// Functions that must have succeeded within the window.
var heartbeats = [
  { function: 'poll_timer', text: 'poll_timer has not succeeded for half an hour' }
  { function: 'token_refresh_timer', text: 'token_refresh_timer has not succeeded for half an hour' }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'connector-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'Xero to PBI'
    enabled: true
    emailReceivers: [
      for (email, index) in emails: {
        name: 'email-${index}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

// A line is repeated every ten minutes while its alarm stands, so that the alert ends within the window after it.
resource alarmAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alarm in alarms: {
    name: 'alarm-${alarm.code}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Xero to Power BI: ${alarm.text}'
      description: '${alarm.text}. What to do: docs/operate.md, alarm ${alarm.code}.'
      severity: alarm.severity
      enabled: enabled
      scopes: [componentId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT30M'
      autoMitigate: true
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: 'traces | where message contains "${alarm.line}"'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alarm.above
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

// What the app did not answer itself: a crash, or a host that does not start.
resource webhookErrors 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'webhook-5xx'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Xero to Power BI: webhook_http fails'
    description: 'Requests to webhook_http ended in 5xx. Xero sends again for a while, then switches webhooks off. See docs/operate.md, alarm webhook-failed.'
    severity: 1
    enabled: enabled
    scopes: [componentId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'requests | where name contains "webhook_http" or name contains "xero/webhook" or operation_Name contains "webhook_http" | where resultCode startswith "5"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 2
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

resource heartbeatAlerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for heartbeat in heartbeats: {
    name: 'no-success-of-${heartbeat.function}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Xero to Power BI: ${heartbeat.text}'
      description: '${heartbeat.text}: it fails, does not run, or its telemetry does not arrive. See docs/operate.md.'
      severity: 1
      enabled: enabled
      scopes: [componentId]
      evaluationFrequency: 'PT15M'
      windowSize: 'PT30M'
      autoMitigate: true
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: 'requests | where name contains "${heartbeat.function}" or operation_Name contains "${heartbeat.function}" | where tobool(success)'
            timeAggregation: 'Count'
            operator: 'LessThan'
            threshold: 1
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

// The workspace says so itself; no log alert but this one can come until the cap's day is over.
resource capReached 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: 'telemetry-cap-reached'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Xero to Power BI: the cap on telemetry is reached'
    description: 'Log Analytics takes nothing more in until the cap\'s day is over, so no alarm can arrive. The connector runs on. See docs/operate.md.'
    severity: 1
    enabled: enabled
    scopes: [workspaceId]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: '_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: [people.id] }
  }
}

// The platform counts executions whether or not the app can send telemetry.
resource noExecutions 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'no-executions'
  location: 'global'
  tags: tags
  properties: {
    description: 'Xero to Power BI: the platform counted no execution of any function for half an hour. See docs/operate.md.'
    severity: 1
    enabled: enabled
    scopes: [siteId]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT30M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'executions'
          metricNamespace: 'Microsoft.Web/sites'
          metricName: 'OnDemandFunctionExecutionCount'
          operator: 'LessThan'
          threshold: 1
          timeAggregation: 'Total'
          skipMetricValidation: true
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = if (monthlyBudget > 0) {
  name: 'connector'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: { startDate: budgetStart }
    notifications: {
      nearlySpent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: emails
        contactGroups: [people.id]
      }
      willBeSpent: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: emails
        contactGroups: [people.id]
      }
    }
  }
}
