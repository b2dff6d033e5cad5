#!/bin/sh
# Starts the lab, carries runbooks/blue-green.lua out on it, and ends the lab.
#   demo.sh ok      all goes well
#   demo.sh slow    green gets slow at 50%: the run rolls back by itself
#   demo.sh crash   the runner is killed half way and resumed
set -u
cd "$(dirname "$0")/../.." || exit 1
mode=${1:-ok}
bin=$PWD/bin
dir=$(mktemp -d "${TMPDIR:-/tmp}/runbook-demo.XXXXXX") || exit 1
export RUNBOOK_LAB="$dir/lab" RUNBOOK_DB="$dir/runbook.db" RUNBOOK_CONFIG="$dir/lab/runbook.yaml"
PATH=$bin:$PATH

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

runbook lab >"$dir/lab.log" 2>&1 &
lab=$!
runner=
finish() {
  [ -z "$runner" ] || kill "$runner" 2>/dev/null
  kill -INT "$lab" 2>/dev/null
  wait "$lab" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

tries=0
until runbook lab status >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 200 ] || ! kill -0 "$lab" 2>/dev/null; then
    echo "the lab did not start:"
    cat "$dir/lab.log"
    exit 1
  fi
  sleep 0.1
done
say "The lab: blue serves all traffic, green is empty, 200 requests a second go through the proxy."
runbook lab status

# Waits until green has the given share of the traffic.
until_green() {
  until runbook lab status --json | grep -q "\"name\":\"green\",[^}]*\"weight\":$1[,}]"; do
    kill -0 "$runner" 2>/dev/null || return 1
    sleep 0.2
  done
}

say "runbook run runbooks/blue-green.lua --params examples/blue-green/lab.yaml"
case $mode in
ok)
  runbook run runbooks/blue-green.lua --params examples/blue-green/lab.yaml
  code=$?
  ;;
slow)
  runbook run runbooks/blue-green.lua --params examples/blue-green/lab.yaml &
  runner=$!
  until_green 50 && say "Green has 50%. Now it gets slow: runbook lab slow green 300ms" && runbook lab slow green 300ms
  wait $runner
  code=$?
  runner=
  ;;
crash)
  runbook run runbooks/blue-green.lua --params examples/blue-green/lab.yaml &
  runner=$!
  until_green 50 && say "Green has 50%. Now the runner is killed: kill -9 $runner" && kill -9 $runner
  wait $runner 2>/dev/null
  runner=
  say "runbook list"
  runbook list
  say "runbook resume latest"
  runbook resume latest
  code=$?
  say "runbook show latest"
  runbook show latest
  ;;
esac

say "runbook lab status"
runbook lab status
say "runbook audit verify"
runbook audit verify
say "The run ended with exit code $code."
case $mode in
slow) [ $code -eq 3 ] ;; # rolled back, as it should be
*) [ $code -eq 0 ] ;;
esac
