#!/usr/bin/env bash
# Deploys a package to a function app and looks whether it runs: its four functions are there, and the webhook answers.
# Usage: deploy.sh GROUP APP PACKAGE. Needs an Azure CLI that is logged in, and Website Contributor on the function app.
set -euo pipefail
group=$1 app=$2 package=$3
wanted="poll_timer push_queue token_refresh_timer webhook_http"

az functionapp deployment source config-zip --resource-group "$group" --name "$app" --src "$package" --output none

id=$(az functionapp show --resource-group "$group" --name "$app" --query id --output tsv)
host=$(az functionapp show --resource-group "$group" --name "$app" --query defaultHostName --output tsv)
found=
for _ in {1..20}; do
  # On Flex Consumption the list of functions is known once an instance has started with the package and was asked for it.
  az rest --method post --url "$id/host/default/sync?api-version=2024-04-01" --output none || true
  names=$(az functionapp function list --resource-group "$group" --name "$app" --query "[].name" --output tsv)
  found=$(sed 's#.*/##' <<< "$names" | sort | xargs)
  [[ $found == "$wanted" ]] && break
  sleep "${PAUSE:-15}"
done
if [[ $found != "$wanted" ]]; then
  echo "The function app has these functions: ${found:-none}; it should have: $wanted" >&2
  exit 1
fi

# Without a signature the webhook says 401, and 503 as long as the vault has no key of it. It starts cold, so not only once.
status=
for _ in {1..8}; do
  status=$(curl --silent --output /dev/null --max-time 60 --write-out '%{http_code}' --request POST "https://$host/api/xero/webhook" || true)
  [[ $status == 401 || $status == 503 ]] && break
  sleep "${PAUSE:-15}"
done
if [[ $status != 401 && $status != 503 ]]; then
  echo "The webhook answered $status; it should answer 401, or 503 where it has no key" >&2
  exit 1
fi
echo "$app runs $package: $found; the webhook answers $status"
