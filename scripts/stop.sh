#!/usr/bin/env bash
# Stops the server that scripts/start.sh started: it finishes the requests under way, then closes
# the store. Does nothing when no server runs.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/server.sh
source "$root/scripts/lib/server.sh"

seconds_to_drain=12

if ! pid=$(server_pid); then
  rm -f "$pid_file" "$url_file"
  say "InsightFlow is not running"
  exit 0
fi
kill -TERM "$pid"
for ((i = 0; i < seconds_to_drain * 10; ++i)); do
  if ! server_pid >/dev/null; then
    rm -f "$pid_file" "$url_file"
    say "InsightFlow has stopped"
    exit 0
  fi
  sleep 0.1
done
# What was acknowledged is on the disk, so this loses nothing.
kill -KILL "$pid"
rm -f "$pid_file" "$url_file"
fail "the server (pid $pid) did not stop in $seconds_to_drain s and was killed"
