# Where the background server of start.sh and stop.sh is, and how it does. Sourced after common.sh.
# shellcheck shell=bash

run_dir="$root/run"
pid_file="$run_dir/server.pid"
url_file="$run_dir/server.url"
server_log="$run_dir/server.log"

# Prints the pid of our server; fails when it does not run. A pid that another program was given
# since then does not count.
server_pid() {
  local pid name state
  [[ -r $pid_file ]] && read -r pid <"$pid_file" && [[ $pid =~ ^[0-9]+$ ]] || return 1
  kill -0 "$pid" 2>/dev/null || return 1
  read -r _ name state _ 2>/dev/null <"/proc/$pid/stat" || return 1
  [[ $name == "(insightflow)" && $state != Z ]] || return 1
  printf '%s\n' "$pid"
}

# split_address HOST:PORT: sets `host` and `port`, as something one can connect to.
split_address() {
  port=${1##*:}
  host=${1%:*}
  host=${host#[}
  host=${host%]}
  case $host in
    "" | 0.0.0.0) host=127.0.0.1 ;;
    ::) host=::1 ;;
  esac
}

# Whether anything accepts connections there.
port_taken() {
  local host port
  split_address "$1"
  [[ $port != 0 ]] && timeout 1 bash -c ': <"/dev/tcp/$0/$1"' "$host" "$port" 2>/dev/null
}

# Whether the server at a URL says that it is healthy. Needs no curl.
healthy() {
  local host port
  split_address "${1#http://}"
  # shellcheck disable=SC2016
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1" &&
    printf "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" >&3 &&
    read -r _ status _ <&3 && [[ $status == 200 ]]' "$host" "$port" 2>/dev/null
}
