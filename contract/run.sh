#!/usr/bin/env bash
# Two linters and three client generators read the published document; each client must compile strictly.
# An argument names another document than docs/openapi.json.
set -euo pipefail
OPENAPI=$(realpath "${1:-$(dirname "$0")/../docs/openapi.json}")
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
cd "$(dirname "$0")"

command -v npm >/dev/null || { echo "make contract needs node 20.19 or newer and npm" >&2; exit 1; }
cmp --silent package-lock.json node_modules/.installed || { npm ci --loglevel=error && cp package-lock.json node_modules/.installed; }
PATH=$PWD/node_modules/.bin:$PATH

say() { printf '\n== %s\n' "$*"; }

say spectral
spectral lint --ruleset spectral.yaml --fail-severity warn "$OPENAPI"
say redocly
redocly lint --config redocly.yaml "$OPENAPI"

rm -rf build
say openapi-typescript
openapi-typescript "$OPENAPI" --output build/openapi-typescript/client.d.ts
say hey-api
openapi-ts --input "$OPENAPI" --output build/hey-api --client @hey-api/client-fetch --no-log-file
say orval
orval --input "$OPENAPI" --output build/orval/client.ts --client fetch --mode split --clean

say "tsc --strict"
for client in openapi-typescript hey-api orval; do
  [ -n "$(find "build/$client" -name '*.ts')" ] || { echo "$client generated nothing" >&2; exit 1; }
done
tsc --project tsconfig.json
echo "The three clients compile."
