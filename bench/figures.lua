-- For wrk: posts the JSON in the environment's BODY, if there is any, and ends with one line for
-- service.sh: "figures FAILED REQUESTS_PER_SECOND P99_MILLISECONDS".

local body = os.getenv("BODY")
if body and body ~= "" then
  wrk.method = "POST"
  wrk.body = body
  wrk.headers["Content-Type"] = "application/json"
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed =
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  -- wrk counts in microseconds.
  print(string.format(
    "figures %d %.1f %.3f", failed, summary.requests / summary.duration * 1e6,
    latency:percentile(99) / 1000))
end
