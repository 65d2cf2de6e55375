"""Power BI: its tokens, its REST API, and the dataset that the connector keeps there. Knows nothing of Xero."""
