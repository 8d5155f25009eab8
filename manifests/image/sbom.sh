#!/bin/sh
# sbom.sh VERSION: the image's bill of materials, CycloneDX 1.5 JSON on standard output: Flyball and every Debian package
# that dpkg knows here.
set -eu
printf '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,'
printf '"metadata":{"component":{"type":"application","name":"flyball","version":"%s"}},"components":[' "$1"
dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\t${source:Package}\n' | LC_ALL=C sort | awk -F'\t' '
  function encoded(text) { gsub(/%/, "%25", text); gsub(/\+/, "%2B", text); gsub(/:/, "%3A", text); gsub(/~/, "%7E", text); return text }
  {
    printf "%s{\"type\":\"library\",\"name\":\"%s\",\"version\":\"%s\",", (NR > 1 ? "," : ""), $1, $2
    printf "\"purl\":\"pkg:deb/debian/%s@%s?arch=%s\",", encoded($1), encoded($2), $3
    printf "\"properties\":[{\"name\":\"debian:source\",\"value\":\"%s\"}]}", $4
  }
  END { print "]}" }'
