local function values(headers, name)
  local lines = {}
  local found = headers[name]
  for i = 0, found and #found or -1 do lines[#lines + 1] = found[i] end
  return lines
end

-- Only what is written here reaches the gateway, so no header of a client can speak in HAProxy's voice.
local function question(txn, sent)
  local headers = {}
  for _, name in ipairs(ASKED) do
    if sent[name] then headers[name] = values(sent, name) end
  end
  headers["x-forwarded-method"] = { txn.sf:method() }
  headers["x-forwarded-proto"] = { txn.sf:ssl_fc() == "1" and "https" or "http" }
  headers["x-forwarded-host"] = values(sent, "host")
  headers["x-forwarded-uri"] = { txn.sf:pathq() }
  headers["x-forwarded-for"] = { txn.sf:src() }
  if SECRET then headers["x-gateway-secret"] = { SECRET } end
  return headers
end

-- Hands the gateway's answer to the client. Whatever is neither 200 nor an answer for people becomes 503.
local function refuse(txn, answer)
  local relayed = answer and answer.status >= 300
  local reply = txn:reply({ status = relayed and answer.status or 503 })
  if relayed then
    for name in pairs(answer.headers or {}) do
      for _, value in ipairs(HOP_BY_HOP[name] and {} or values(answer.headers, name)) do
        reply:add_header(name, value)
      end
    end
    if answer.body then reply:set_body(answer.body) end
  end
  txn:done(reply)
end

local function without_own_cookies(lines)
  local kept = {}
  for _, line in ipairs(lines) do
    for pair in line:gmatch("[^;]+") do
      local name = pair:match("^%s*([^=%s]*)")
      if not OWN_COOKIES[name] then kept[#kept + 1] = pair:match("^%s*(.-)%s*$") end
    end
  end
  return table.concat(kept, "; ")
end

core.register_action("gateway", { "http-req" }, function(txn)
  local sent = txn.http:req_get_headers()
  local answer = core.httpclient():get({ url = URL, dst = SOCKET, headers = question(txn, sent), timeout = 3500 })
  if not answer or answer.status ~= 200 then return refuse(txn, answer) end
  for _, name in ipairs(IDENTITY) do
    -- Always set, also to nothing: a header that we left alone would be the client's.
    txn.http:req_set_header(name, values(answer.headers, name)[1] or "")
  end
  local cookies = without_own_cookies(values(sent, "cookie"))
  txn.http:req_del_header("cookie")
  if cookies ~= "" then txn.http:req_set_header("cookie", cookies) end
  if TAKES_AUTHORIZATION then
    -- A credential that the gateway has read is for nobody else; its answer says what is left.
    txn.http:req_del_header("authorization")
    for _, value in ipairs(values(answer.headers, "authorization")) do
      txn.http:req_add_header("authorization", value)
    end
  end
  -- The last line: an error or a time-out above leaves this unset, and haproxy.cfg then answers 503.
  txn:set_var("txn.gateway", "ok")
end, 0)
