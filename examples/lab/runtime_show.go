package lab

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// infoKeys are the lines of `show info`, in HAProxy's order.
const infoKeys = "Name,Version,Release_date,Nbthread,Nbproc,Process_num,Pid,Uptime,Uptime_sec,Memmax_MB,PoolAlloc_MB," +
	"PoolUsed_MB,PoolFailed,Ulimit-n,Maxsock,Maxconn,Hard_maxconn,CurrConns,CumConns,CumReq,MaxSslConns," +
	"CurrSslConns,CumSslConns,Maxpipes,PipesUsed,PipesFree,ConnRate,ConnRateLimit,MaxConnRate,SessRate," +
	"SessRateLimit,MaxSessRate,SslRate,SslRateLimit,MaxSslRate,SslFrontendKeyRate,SslFrontendMaxKeyRate," +
	"SslFrontendSessionReuse_pct,SslBackendKeyRate,SslBackendMaxKeyRate,SslCacheLookups,SslCacheMisses," +
	"CompressBpsIn,CompressBpsOut,CompressBpsRateLim,Tasks,Run_queue,Idle_pct,node,Stopping,Jobs," +
	"Unstoppable Jobs,Listeners,ActivePeers,ConnectedPeers,DroppedLogs,BusyPolling,FailedResolutions," +
	"TotalBytesOut,TotalSplicdedBytesOut,BytesOutRate,DebugCommandsIssued,CumRecvLogs,Build info," +
	"Memmax_bytes,PoolAlloc_bytes,PoolUsed_bytes,Start_time_sec,Tainted"

// stateColumns heads `show servers state`.
const stateColumns = "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight " +
	"srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state " +
	"bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr " +
	"srv_agent_addr srv_agent_port"

func (a *runtimeAPI) showBackend([]string) string { return "# name\n" + a.pool.name + "\n" }

// showInfo answers `show info`; what the lab does not count is 0.
func (a *runtimeAPI) showInfo(args []string) string {
	if len(args) > 0 {
		return "The lab answers 'show info' as plain text only.\n"
	}
	values := map[string]string{}
	a.pool.read(func(now time.Time) {
		up := now.Sub(a.pool.began)
		t := int64(up / time.Second)
		values = map[string]string{
			"Name": "HAProxy", "Version": runtimeVersion, "Build info": runtimeVersion, "Release_date": "2026/10/17",
			"Nbthread": "1", "Nbproc": "1", "Process_num": "1", "Pid": fmt.Sprint(a.pid),
			"Uptime":     fmt.Sprintf("%dd %dh%02dm%02ds", t/86400, t/3600%24, t/60%60, t%60),
			"Uptime_sec": fmt.Sprint(t), "Start_time_sec": fmt.Sprint(a.pool.began.Unix()),
			"CurrConns": fmt.Sprint(a.pool.counts.sessions), "CumConns": fmt.Sprint(a.pool.counts.total),
			"CumReq": fmt.Sprint(a.pool.counts.total), "TotalBytesOut": fmt.Sprint(a.pool.counts.bytesOut),
			"Idle_pct": "100", "Listeners": "2", "node": "lab",
		}
	})
	var b strings.Builder
	for _, key := range strings.Split(infoKeys, ",") {
		value, known := values[key]
		if !known {
			value = "0"
		}
		b.WriteString(key + ": " + value + "\n")
	}
	return b.String()
}

// showServersState answers `show servers state [POOL]`.
func (a *runtimeAPI) showServersState(args []string) string {
	if len(args) > 0 && args[0] != a.pool.name {
		return "Can't find backend.\n"
	}
	var b strings.Builder
	b.WriteString("1\n" + stateColumns + "\n")
	a.pool.read(func(now time.Time) {
		for _, s := range a.pool.servers {
			// The numbers are HAProxy's: op state 2 is running; result 3 is
			// passed; check state 6 is configured and enabled, 8 more is
			// paused.
			op, result, health, checking := 0, 2, s.health, 6
			if s.running() {
				op = 2
			}
			if s.check.passed() {
				result = 3
			}
			if s.admin == adminMaint {
				health, checking = 0, 14
			}
			host, port, err := net.SplitHostPort(s.addr)
			if err != nil {
				host, port = s.addr, "0"
			}
			fmt.Fprintf(&b, "%d %s %d %s %s %d %d %d %d %d %d %d %d %d 0 0 0 - %s - 0 0 - - 0\n",
				poolID, a.pool.name, s.id, s.name, host, op, s.admin, s.weight, s.initial, seconds(now.Sub(s.changed)),
				s.check.number, result, health, checking, port)
		}
	})
	return b.String()
}
