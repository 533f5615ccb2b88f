#!/bin/sh
# run.sh redis | sentinel | ready | leave: starts one of three, tells whether it is ready, and hands over before it ends.
#
#   POD_NAME        ends in the number of this one, counted from 0
#   REDIS_NODES     HOST:PORT of the three Redis, and
#   SENTINELS       of the three Sentinels, in the order of their numbers
#   REDIS_PASSWORD  the gateway's; PEER_PASSWORD: of Redis and Sentinels among themselves
#   CONFIG, DATA    the folder of this file and its neighbours; the volume
#   RUN             a folder in memory
#   BIND            addresses to listen on
set -eu
umask 077

nth() { shift "$(($1 + 1))"; printf '%s\n' "$1"; }

sum() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

strong() {
  case $2 in
    *[!0-9A-Za-z]*) echo "$1 must be letters and digits alone" >&2; exit 1 ;;
    ????????????????*) ;;
    *) echo "$1 must have 16 characters or more" >&2; exit 1 ;;
  esac
}

# The files keep sums of passwords, and a comment is not allowed in each of them.
users() {
  sed -e '/^#/d' -e "s/>PASSWORD/#$(sum "$REDIS_PASSWORD")/" -e "s/>PEERS/#$(sum "$PEER_PASSWORD")/" "$1"
}

# The password travels in the environment: arguments are in the list of processes.
ask() { # user, password, place, command...
  user=$1 word=$2 place=$3
  shift 3
  REDISCLI_AUTH=$word timeout 2 redis-cli -h "${place%:*}" -p "${place##*:}" --user "$user" "$@" 2>/dev/null || true
}

# The primary, where two sentinels name the same. One that was cut off may name a primary that was deposed.
named() {
  for sentinel in $SENTINELS; do
    answer=$(ask sentinel "$PEER_PASSWORD" "$sentinel" sentinel get-master-addr-by-name gateway | tr '\n' ' ')
    for node in $REDIS_NODES; do
      if [ "$answer" = "${node%:*} ${node##*:} " ]; then echo "$node"; fi
    done
  done | sort | uniq -d
}

# A volume that is empty takes the first node for the primary when nobody knows better: that is how a set begins. With
# data it waits for the sentinels: as the wrong primary it would bring back sessions that were ended.
primary_to_follow() {
  tries=0
  while true; do
    primary=$(named)
    tries=$((tries + 1))
    if [ -z "$primary" ] && [ "$tries" -ge 5 ] && [ ! -e "$DATA/appendonlydir" ]; then
      primary=${REDIS_NODES%% *}
    fi
    if [ -n "$primary" ]; then break; fi
    echo "no two sentinels name a primary yet" >&2
    sleep 1
  done
  echo "$primary"
}

start_redis() {
  users "$CONFIG/users.acl" > "$RUN/users.acl"
  primary=$(primary_to_follow)
  {
    echo "include $CONFIG/redis.conf"
    echo "bind $BIND"
    echo "port ${me##*:}"
    echo "dir $DATA"
    echo "aclfile $RUN/users.acl"
    echo "masteruser replica"
    echo "masterauth $PEER_PASSWORD"
    echo "replica-announce-ip ${me%:*}"
    echo "replica-announce-port ${me##*:}"
    if [ "$primary" != "$me" ]; then echo "replicaof ${primary%:*} ${primary##*:}"; fi
  } > "$RUN/redis.conf"
  echo "$me starts; the primary is $primary" >&2
  exec redis-server "$RUN/redis.conf"
}

# What a sentinel has learned and promised, it keeps; everything else is written anew at each start.
learned() {
  grep -E '^sentinel (monitor|current-epoch|config-epoch|leader-epoch|known-replica|known-sentinel) ' \
    "$DATA/sentinel.conf" 2>/dev/null || true
}

start_sentinel() {
  state=$(learned)
  if [ -z "$state" ]; then
    primary=$(named)
    primary=${primary:-${REDIS_NODES%% *}}
    state="sentinel monitor gateway ${primary%:*} ${primary##*:} 2"
  fi
  {
    echo "bind $BIND"
    echo "port ${me##*:}"
    echo "dir $DATA"
    # By its name: one that lost its volume is the same voter as before, and not a fourth.
    echo "sentinel myid $(sum "$me" | cut -c1-40)"
    echo "sentinel announce-ip ${me%:*}"
    echo "sentinel announce-port ${me##*:}"
    cat "$CONFIG/sentinel.conf"
    users "$CONFIG/sentinel-users.conf"
    echo "sentinel sentinel-user sentinel"
    echo "sentinel sentinel-pass $PEER_PASSWORD"
    printf '%s\n' "$state"
    echo "sentinel auth-user gateway sentinel"
    echo "sentinel auth-pass gateway $PEER_PASSWORD"
  } > "$DATA/sentinel.conf.new"
  mv "$DATA/sentinel.conf.new" "$DATA/sentinel.conf"
  exec redis-server "$DATA/sentinel.conf" --sentinel
}

here() { ask gateway "$REDIS_PASSWORD" "127.0.0.1:${me##*:}" "$@"; }

# A replica without a copy is not ready, so that the next pod is not stopped before it has one.
ready() { here info replication | grep -q -e '^role:master' -e '^master_link_status:up'; }

# A primary that is to stop has another one elected first: nobody waits until it is missed. It stops as soon as two
# sentinels name the other: from then on it would only refuse writes.
leave() {
  if [ "$(here role | head -n 1)" != master ]; then return; fi
  for sentinel in $SENTINELS; do
    if [ "$(ask sentinel "$PEER_PASSWORD" "$sentinel" sentinel failover gateway)" = OK ]; then break; fi
  done
  tries=0
  while [ "$tries" -lt 40 ]; do
    tries=$((tries + 1))
    primary=$(named)
    if [ -n "$primary" ] && [ "$primary" != "$me" ]; then break; fi
    sleep 0.5
  done
}

strong REDIS_PASSWORD "$REDIS_PASSWORD"
strong PEER_PASSWORD "$PEER_PASSWORD"
# shellcheck disable=SC2086 # lists of words
case $1 in
  sentinel) me=$(nth "${POD_NAME##*-}" $SENTINELS); start_sentinel ;;
  redis) me=$(nth "${POD_NAME##*-}" $REDIS_NODES); start_redis ;;
  ready) me=$(nth "${POD_NAME##*-}" $REDIS_NODES); ready ;;
  leave) me=$(nth "${POD_NAME##*-}" $REDIS_NODES); leave ;;
  *) echo "run.sh redis | sentinel | ready | leave" >&2; exit 2 ;;
esac
