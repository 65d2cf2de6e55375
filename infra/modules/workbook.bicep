// The operator's workbook: under Workbooks of the Application Insights component.

@description('Azure region.')
param location string

@description('Tags of each resource.')
param tags object

@description('The Application Insights component that it asks.')
param componentId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(componentId, 'connector')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Xero to Power BI'
    category: 'workbook'
    sourceId: componentId
    serializedData: loadTextContent('workbook.json')
  }
}
