# Computes every decision of `flyballctl explain -o json` again from its own numbers: replicas wanted by each signal, the rules in
# order, and the ceiling. Prints the decisions that come out otherwise; prints nothing when all agree.
def clamp_replicas: if . > 1000000 then 1000000 else . end;
def raw_of($fractional): if .current > 0 and ((($fractional / .current) - 1) | fabs) <= .tolerance then .current
  else (($fractional | clamp_replicas) - 1e-9 | ceil) end;
def signal_raw: (.headroom * (1 + .trend) * .work / (.resource * .target)) as $f | raw_of($f);
def signal_raw_down: ([.work, .workDown] | max) as $w | (.headroom * (1 + .trend) * $w / (.resource * .target)) as $f |
  [raw_of($f), signal_raw] | max;

def at_most($stale; $in; $limit): if ($stale | not) and . > $in.ordered and . > $limit then [$limit, $in.ordered] | max else . end;
def at_least($in; $limit): if . < $in.ordered and . < $limit then [$limit, $in.ordered] | min else . end;

def constrain: . as $in
  | ($in.staleSeconds > 120) as $stale | ($in.downBlocked != "") as $blocked
  | (if $in.hasSignal then $in.raw else $in.ordered end)
  | if . < $in.ordered then [$in.ordered, ([$in.raw, $in.rawDown] | max)] | min else . end
  | if $in.freshShare < 0.5 then [., $in.ordered] | max else . end
  | if $in.staleSeconds > 30 then $in.ordered else . end
  | if $stale then [$in.ordered, (if $in.fallback > 0 then $in.fallback else $in.min end)] | max else . end
  | if (. > $in.ordered and ($stale | not) and ($in.shedding | not) and . <= (1 + $in.upTolerance) * $in.ordered)
       or (. < $in.ordered and . >= (1 - $in.downTolerance) * $in.ordered) then $in.ordered else . end
  | at_most($stale; $in; $in.upWindowLow)
  | at_most($stale; $in; $in.upRateLimit)
  | (if $in.upBlocked == "" then . else at_most($stale; $in; $in.ordered) end)
  | if $blocked then [., $in.ordered] | max else . end
  | at_least($in; $in.windowPeak)
  | at_least($in; $in.downRateLimit)
  | ([$in.revokePeak, $in.ready, $in.rawDown] | max) as $keep
  | if $in.hasSignal and ($blocked | not) and $in.freshShare >= 0.5 and $in.staleSeconds <= 30 and $keep < $in.ordered
       and $keep < . and . <= $in.ordered then $keep else . end
  | [., $in.floor] | max | [., $in.min] | max | [., $in.max] | min
  | if $in.paused then $in.ordered else . end;

.governors[].decisions[]
  | . as $d
  | ([.signals[] | select(.raw != signal_raw) | {signal: .name, said: .raw, computed: signal_raw}]
     + (if (.signals | length) > 0 and .constraintInputs.raw != (.signals | map(signal_raw) | max)
        then [{raw: .constraintInputs.raw, computed: (.signals | map(signal_raw) | max)}] else [] end)
     + (if .desired != (.constraintInputs | constrain) then [{desired: .desired, computed: (.constraintInputs | constrain)}] else [] end)
     + (if .steps[-1].after != .desired then [{lastStep: .steps[-1].after, desired: .desired}] else [] end)
     + ([range(1; .steps | length) as $i | select(.steps[$i].before != .steps[$i - 1].after) | {gapAtStep: .steps[$i].rule}])) as $wrong
  | select($wrong | length > 0) | {seq: .seq, wrong: $wrong}
