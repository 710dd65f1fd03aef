package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// connection are the parameters that say where the server is and how to get in,
// spelt as here.
var connection = names(`host port dbname database user password passfile connect_timeout
	ssl sslmode sslcert sslkey sslcertmode sslrootcert sslnegotiation sslpassword sslsni krbspn krbsrvname
	target_session_attrs service servicefile min_protocol_version max_protocol_version channel_binding require_auth`)

// ours are the parameters of the driver's own, which no owner of a database decides.
var ours = names(`default_query_exec_mode statement_cache_capacity description_cache_capacity
	pool_min_conns pool_min_idle_conns pool_max_conn_idle_time pool_health_check_period pool_max_conn_lifetime_jitter pool_ping_timeout replication`)

// libpqs are parameters that only libpq knows, which other clients of the same
// database are given.
var libpqs = names(`authtype fallback_application_name gssdelegation gssencmode gsslib hostaddr keepalives keepalives_count keepalives_idle keepalives_interval
	load_balance_hosts requirepeer requiressl scram_client_key scram_server_key sslcompression sslcrl sslcrldir ssl_max_protocol_version ssl_min_protocol_version
	tcp_user_timeout tty`)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(list) {
		set[name] = true
	}
	return set
}

// rules say which parameters a URL may hold beside those of the connection.
type rules struct {
	allows func(name, value string) bool
	reason string // why another is refused
}

// queueRules: tagexec's statements rely on how its sessions are set. A role is a
// matter of rights.
var queueRules = rules{
	func(name, _ string) bool { return name == "application_name" || name == "role" },
	"tagexec decides itself how its own sessions are set, so leave it out",
}

// sourceRules: whatever Postgres lets a session set is up to who writes the jobs.
var sourceRules = rules{
	func(name, value string) bool {
		return !ours[name] && (name != "client_encoding" || slices.Contains([]string{"utf8", "utf-8", "unicode"}, strings.ToLower(value)))
	},
	"tagexec decides that itself (it speaks UTF-8), so leave it out",
}

// check refuses parameters that are not allowed, and what is said of the
// connection in a wrong spelling: the driver would take it for a setting.
func (r rules) check(p parameters) error {
	for _, name := range slices.Sorted(maps.Keys(p)) {
		lower := strings.ToLower(name) // as Postgres takes its settings
		switch {
		case connection[name]:
		case connection[lower]:
			return refuse(fmt.Sprintf("sets %s in capitals: write %s", lower, lower))
		case libpqs[lower]:
			return refuse(fmt.Sprintf("sets %s: only libpq knows that, so leave it out", lower))
		case !p.isName(lower):
			return refuse("has a parameter that is none (the rest of a password? there write & as %26)")
		case !r.allows(lower, p[name]):
			return refuse(fmt.Sprintf("sets %s: %s", lower, r.reason))
		}
	}
	if ssl, set := p["ssl"]; set && ssl != "true" {
		return refuse("sets ssl: write sslmode, which is one of " + strings.Join(sslModes, ", "))
	}
	if mode, set := p["sslmode"]; set && !slices.Contains(sslModes, mode) {
		return refuse("sets sslmode to what is none of " + strings.Join(sslModes, ", "))
	}
	return nil
}

var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// isName reports whether something can be the name of a parameter, and not the
// rest of a password that holds an &, which must not be shown, nor sent.
func (p parameters) isName(name string) bool {
	_, password := p["password"]
	_, keyPassword := p["sslpassword"]
	if password || keyPassword {
		return ours[name] || usual[name]
	}
	return len(name) < 64 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
}

// usual are settings of a session that people put into URLs.
var usual = names(`options search_path client_encoding statement_timeout lock_timeout idle_in_transaction_session_timeout idle_session_timeout
	default_transaction_isolation default_transaction_read_only default_transaction_deferrable standard_conforming_strings datestyle timezone intervalstyle
	bytea_output extra_float_digits row_security plan_cache_mode jit enable_seqscan work_mem synchronous_commit session_replication_role
	application_name role pool_max_conns pool_max_conn_lifetime`)
