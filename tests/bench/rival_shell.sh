#!/bin/bash
# The work of `make bench` with curl and jq, one request after the other, as in the API's own guides.
# Usage: rival_shell.sh URL ITEMS CONCURRENCY CONFIG (CONCURRENCY is 1). Prints no times: they are taken
# from outside, for the processor time is that of its children.
set -euo pipefail

agents=$1/core/agents items=$2 config=$4

call() {
  curl --silent --fail --header "Authorization: Bearer ak_bench" --header "Accept: application/json" "$@"
}

post() { # URL; the body comes from standard input
  call --header "Content-Type: application/json" --data @- "$1"
}

for ((index = 1; index <= items; index++)); do
  name=$(printf 'Agent %06d' "$index")
  found=$(call --get --data-urlencode "name=$name" "$agents" | jq length)
  [ "$found" -eq 0 ]
  agent=$(jq -n --arg name "$name" '{name: $name, active: true}' | post "$agents" | jq -r .id)
  version=$(jq -c '{config: .}' "$config" | post "$agents/$agent/versions" | jq -r .version)
  jq -n '{phone_numbers: ["+15551234567"], direction: "both"}' |
    post "$agents/$agent/versions/$version/publish" >/dev/null
done
