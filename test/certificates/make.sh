#!/bin/sh
# Makes the certificates of the tests anew: `sh test/certificates/make.sh`. They are committed, so that tests need no openssl;
# whoever has these keys can pretend to be a broker on loopback to a test, and nothing else.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

ca() { # file without suffix, name
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 36500 -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -keyout "$work/$1-key.pem" -out "$1.pem"
}

signed() { # file without suffix, name, extension
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj "/CN=$2" -keyout "$1-key.pem" -out "$work/$1.csr"
  echo "$3" > "$work/$1.ext"
  openssl x509 -req -in "$work/$1.csr" -CA ca.pem -CAkey "$work/ca-key.pem" -days 36500 -extfile "$work/$1.ext" -out "$1.pem"
}

ca ca "Penstock tests"
ca other-ca "Somebody else"
signed server localhost "subjectAltName=DNS:localhost,IP:127.0.0.1"
signed client penstock "extendedKeyUsage=clientAuth"
chmod 600 ./*-key.pem
