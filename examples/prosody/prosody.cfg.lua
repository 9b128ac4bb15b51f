-- A server on loopback for guests, whose only module of interest is ours:
--
--   REPORT_PORT=5301 WHO_PORT=5302 XMPP_PORT=5222 prosody -F --config $PWD/prosody.cfg.lua
run_as_root = true

data_path = os.getenv "DATA" or "/tmp"
pidfile = (os.getenv "DATA" or "/tmp") .. "/prosody.pid"
plugin_paths = { os.getenv "PWD" }
certificates = os.getenv "PWD"
network_backend = "epoll"
interfaces, local_interfaces = { "127.0.0.1" }, { "127.0.0.1" }
c2s_ports, s2s_ports, c2s_direct_tls_ports = { tonumber(os.getenv "XMPP_PORT") }, {}, {}
modules_enabled = { "saslauth" }
modules_disabled = { "s2s", "tls", "posix" }
authentication = "anonymous"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
log = { warn = "*console" }

VirtualHost "localhost"
  modules_enabled = { "presence_udp" }
