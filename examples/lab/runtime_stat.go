package lab

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The columns of `show stat`, and what stands in the rows of a frontend, a
// server and a backend where nothing happened: some columns are empty for some
// kinds. All as in HAProxy 2.6.
const (
	statColumns = "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,wretr,wredis," +
		"status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked," +
		"type,rate,rate_lim,rate_max,check_status,check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx," +
		"hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in," +
		"comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,agent_status," +
		"agent_code,agent_duration,check_desc,agent_desc,check_rise,check_fall,check_health,agent_rise," +
		"agent_fall,agent_health,addr,cookie,mode,algo,conn_rate,conn_rate_max,conn_tot,intercepted,dcon," +
		"dses,wrew,connect,reuse,cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max," +
		"ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,agg_server_status," +
		"agg_server_check_status,agg_check_status,-,ssl_sess,ssl_reused_sess,ssl_failed_handshake," +
		"h2_headers_rcvd,h2_data_rcvd,h2_settings_rcvd,h2_rst_stream_rcvd,h2_goaway_rcvd," +
		"h2_detected_conn_protocol_errors,h2_detected_strm_protocol_errors,h2_rst_stream_resp,h2_goaway_resp," +
		"h2_open_connections,h2_backend_open_streams,h2_total_connections,h2_backend_total_streams," +
		"h1_open_connections,h1_open_streams,h1_total_connections,h1_total_streams,h1_bytes_in,h1_bytes_out," +
		"h1_spliced_bytes_in,h1_spliced_bytes_out,"
	frontendRow = "http,FRONTEND,,,0,0,2000,0,0,0,0,0,0,,,,,OPEN,,,,,,,,,1,2,0,,,,0,0,0,0,,,,0,0,0,0,0,0,,0,0,0,,,0,0," +
		"0,0,,,,,,,,,,,,,,,,,,,,,http,,0,0,0,0,0,0,0,,,0,0,,,,,,,0,,,,,,,,,-,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0," +
		"0,0,0,0,0,0,0,0,"
	serverRow = "web,blue,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,100,1,0,1,1,1,0,,1,3,1,,0,,2,0,,0,L7OK,200,1,0,0,0,0,0,0,,,," +
		"0,0,0,,,,,-1,,,0,0,0,0,,,,Layer7 check passed,,1,2,2,,,,127.0.0.1:18081,,http,,,,,,,,0,0,0,,,0,,0,0," +
		"0,0,0,0,0,0,1,100,,,,-,0,0,0,,,,,,,,,,,,,,,,,,,,,,"
	backendRow = "web,BACKEND,0,0,0,0,200,0,0,0,0,0,,0,0,0,0,UP,100,1,0,,1,1,0,,1,3,0,,0,,1,0,,0,,,,0,0,0,0,0,0,,,,0," +
		"0,0,0,0,0,0,-1,,,0,0,0,0,,,,,,,,,,,,,,http,roundrobin,,,,,,,0,0,0,0,0,,,0,0,0,0,0,,,,,100,0,0,0,-,0," +
		"0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,"
)

// row is one line of `show stat`, by the names of its columns.
type row map[string]string

func (r row) set(column string, value any) { r[column] = fmt.Sprint(value) }

// line writes the row over the template of its kind.
func (r row) line(template string) string {
	columns, values := strings.Split(statColumns, ","), strings.Split(template, ",")
	columns[0] = "pxname"
	for i, c := range columns {
		if v, ok := r[c]; ok {
			values[i] = v
		}
	}
	return strings.Join(values, ",") + "\n"
}

// count sets what all kinds have in common.
func (r row) count(c *counters) {
	r.set("scur", c.sessions)
	r.set("smax", c.maxSessions)
	r.set("stot", c.total)
	r.set("bout", c.bytesOut)
	r.set("req_tot", c.total)
	for class := 1; class < len(c.classes); class++ {
		r.set(fmt.Sprintf("hrsp_%dxx", class), c.classes[class])
	}
}

// Bits of the type argument of `show stat PROXY TYPE SERVER`.
const (
	statFrontend = 1
	statBackend  = 2
	statServer   = 4
)

// showStat answers `show stat` and `show stat PROXY TYPE SERVER`, where -1
// stands for all. PROXY is a name or a number. Bytes received are not counted;
// bytes sent are those of bodies.
func (a *runtimeAPI) showStat(args []string) string {
	proxy, kinds, id := "-1", -1, -1
	if len(args) > 0 {
		switch args[0] {
		case "desc", "json", "no-maint", "typed", "up":
			return "The lab answers 'show stat' as plain CSV only.\n"
		}
	}
	if len(args) >= 3 {
		proxy, kinds, id = args[0], atoi(args[1]), atoi(args[2])
		if _, err := strconv.Atoi(proxy); err != nil && proxy != a.front && proxy != a.pool.name {
			return "No such proxy.\n"
		}
	}
	wants := func(name string, number, kind int) bool {
		return (proxy == "-1" || proxy == name || proxy == strconv.Itoa(number)) && kinds&kind != 0
	}
	var b strings.Builder
	b.WriteString(statColumns + "\n")
	a.pool.read(func(now time.Time) {
		if wants(a.front, frontID, statFrontend) {
			b.WriteString(a.frontRow().line(frontendRow))
		}
		for _, s := range a.pool.servers {
			if wants(a.pool.name, poolID, statServer) && (id == -1 || id == s.id) {
				b.WriteString(a.serverRow(s, now).line(serverRow))
			}
		}
		if wants(a.pool.name, poolID, statBackend) {
			b.WriteString(a.poolRow(now).line(backendRow))
		}
	})
	return b.String()
}

// The numbers of the two proxies, as HAProxy gives them out.
const (
	frontID = 2
	poolID  = 3
)

// atoi reads a number as C does: what is none counts as 0.
func atoi(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

func (a *runtimeAPI) frontRow() row {
	r := row{"pxname": a.front}
	r.count(&a.pool.counts)
	r.set("conn_tot", a.pool.counts.total)
	return r
}

func (a *runtimeAPI) serverRow(s *server, now time.Time) row {
	r := row{"pxname": a.pool.name, "svname": s.name, "addr": s.addr, "status": s.status()}
	c := &s.counts
	r.count(c)
	r.set("weight", s.weight)
	r.set("uweight", s.weight)
	r.set("sid", s.id)
	r.set("lbtot", c.chosen)
	r.set("econ", c.connectErrors)
	r.set("eresp", c.responseErrors)
	r.set("wredis", c.redispatched)
	r.set("chkfail", c.checkFails)
	r.set("chkdown", c.downs)
	r.set("lastchg", seconds(now.Sub(s.changed)))
	r.set("downtime", seconds(s.downtime(now)))
	r.set("lastsess", since(c.last, now))
	for _, column := range []string{"check_status", "check_code", "check_duration", "check_desc", "last_chk",
		"check_rise", "check_fall", "check_health"} {
		r[column] = ""
	}
	if s.admin == adminMaint || s.check.status == "" {
		return r
	}
	r["check_status"], r["check_desc"], r["last_chk"] = s.check.status, s.check.desc, s.check.last
	if s.check.code != 0 {
		r.set("check_code", s.check.code)
	}
	r.set("check_duration", s.check.took.Milliseconds())
	r.set("check_rise", checkRise)
	r.set("check_fall", checkFall)
	r.set("check_health", s.health)
	return r
}

func (a *runtimeAPI) poolRow(now time.Time) row {
	p := a.pool
	r := row{"pxname": p.name, "status": "UP"}
	r.count(&p.counts)
	weight, active := 0, 0
	for _, s := range p.servers {
		if s.usable() {
			weight += s.weight
			active++
		}
	}
	down := p.downFor
	if !p.up {
		r["status"] = "DOWN"
		down += now.Sub(p.changed)
	}
	r.set("weight", weight)
	r.set("uweight", weight)
	r.set("act", active)
	r.set("lbtot", p.counts.chosen)
	r.set("econ", p.counts.connectErrors)
	r.set("eresp", p.counts.responseErrors)
	r.set("wredis", p.counts.redispatched)
	r.set("chkdown", p.counts.downs)
	r.set("lastchg", seconds(now.Sub(p.changed)))
	r.set("downtime", seconds(down))
	r.set("lastsess", since(p.counts.last, now))
	return r
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// since returns the seconds from t to now, or -1 if t is unset.
func since(t, now time.Time) int64 {
	if t.IsZero() {
		return -1
	}
	return seconds(now.Sub(t))
}
