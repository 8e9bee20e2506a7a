#!/usr/bin/env bash
# Builds InsightFlow when needed and starts the server in the background.
#
#   scripts/start.sh                            http://127.0.0.1:8080, data in data/
#   scripts/start.sh --listen 127.0.0.1:9000    any option of `insightflow serve`
#
# Run again, it says where the server is. scripts/stop.sh stops it.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/server.sh
source "$root/scripts/lib/server.sh"

seconds_to_start=60

if [[ ${1-} == -h || ${1-} == --help ]]; then
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 0
fi

# option_value NAME DEFAULT ARGUMENTS…: what --NAME is set to, as the server will read it.
option_value() {
  local name=$1 value=$2
  shift 2
  while (($#)); do
    case $1 in
      "--$name") value=${2-} ;;
      "--$name="*) value=${1#*=} ;;
    esac
    shift
  done
  printf '%s\n' "$value"
}

say_ready() {
  local url=$1
  cat <<EOF

  dashboard   $url/
  one event   curl -s $url/api/events --json '{"user_id":"u1","session_id":"s1",
                "event_type":"view","page_url":"/home","timestamp":'\$(date +%s000)'}'
  ask         curl -s $url/api/stats/dashboard
  stop        scripts/stop.sh
EOF
}

# The part of the log that this start wrote.
new_log() { tail -c "+$((log_start + 1))" "$server_log"; }

await_server() {
  local pid=$1 deadline=$((SECONDS + seconds_to_start)) url
  while ((SECONDS < deadline)); do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$pid_file"
      new_log | tail -n 10 >&2
      fail "the server stopped at once; its log is ${server_log#"$root"/}"
    fi
    url=$(new_log | sed -n 's/.*listening on \(http:[^[:space:]",}]*\).*/\1/p' | tail -n 1)
    if [[ -n $url ]] && healthy "$url"; then
      say "$url" >"$url_file"
      return 0
    fi
    sleep 0.1
  done
  fail "not healthy after $seconds_to_start s (pid $pid); its log is ${server_log#"$root"/}"
}

# In a function, so that bash has read all of it before a pull changes this file.
main() {
  mkdir -p "$run_dir"
  # Two starts at once: the second waits, then finds the first one's server.
  exec 9>"$run_dir/start.lock"
  flock -n 9 || {
    say "another start is under way; waiting for it"
    flock 9
  }

  if pid=$(server_pid); then
    url=
    if [[ -r $url_file ]]; then read -r url <"$url_file"; fi
    if [[ -z $url ]] || ! healthy "$url"; then
      fail "a server runs (pid $pid) but is not healthy:" \
        "see ${server_log#"$root"/}, or stop it with scripts/stop.sh"
    fi
    say "InsightFlow is running already at $url (pid $pid)"
    say_ready "$url"
    exit 0
  fi

  listen=$(option_value listen "${INSIGHTFLOW_LISTEN:-127.0.0.1:8080}" "$@")
  if port_taken "$listen"; then
    fail "$listen is in use by another program; choose another port:" \
      "scripts/start.sh --listen 127.0.0.1:8081"
  fi

  install_packages "${build_packages[@]}"
  build_preset release insightflow_main

  config=$(option_value config "${INSIGHTFLOW_CONFIG:-}" "$@")
  if [[ -z $(option_value data "${INSIGHTFLOW_DATA:-}" "$@") ]] &&
    ! grep -qsE '^[[:space:]]*data[[:space:]]*=' "$config"; then
    set -- --data "$root/data" "$@"
  fi
  rm -f "$url_file"
  touch "$server_log"
  log_start=$(stat -c %s "$server_log")
  setsid nohup "$build_dir/release/server/insightflow" serve "$@" \
    >>"$server_log" 2>&1 </dev/null 9>&- &
  pid=$!
  say "$pid" >"$pid_file"
  await_server "$pid"
  say "InsightFlow is running at $(<"$url_file") (pid $pid)"
  say_ready "$(<"$url_file")"
}

main "$@"
exit
