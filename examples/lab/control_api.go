package lab

import (
	"encoding/json"
	"net"
	"net/http"
)

// control is the control API: JSON over HTTP, one handler a method of Lab. An
// error is {"error": "…"} with a status that tells its kind.
//
//	GET  /state         → State
//	POST /deploy        {"env": "green", "version": "v1.1.0"}
//	POST /fault         {"env": "green", "slow": "300ms", "fail": "5%", "down": true, "clear": true}
//	POST /load          {"env": "green", "duration": "5s", "rate": 200} → Stats
//	POST /decommission  {"env": "blue"}
//	POST /rate          {"rate": 500}
//	POST /node          {"node": "db-a", "verb": "down"}
//	POST /acknowledge   {"person": "ana"}
//	POST /carry         {"op": "release", "env": "green", "version": "v1.1.0", "key": "…"} → Deployment
func (l *Lab) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { reply(w, l.State(), nil) })
	mux.HandleFunc("POST /deploy", func(w http.ResponseWriter, r *http.Request) {
		var in deployRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.Deploy(r.Context(), in.Env, in.Version)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /fault", func(w http.ResponseWriter, r *http.Request) {
		var in faultRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.SetFault(r.Context(), in.Env, in.Fault)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /load", func(w http.ResponseWriter, r *http.Request) {
		var in LoadRequest
		var stats Stats
		err := read(w, r, &in)
		if err == nil {
			stats, err = l.LoadTest(r.Context(), in)
		}
		reply(w, stats, err)
	})
	mux.HandleFunc("POST /decommission", func(w http.ResponseWriter, r *http.Request) {
		var in envRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.Decommission(in.Env)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /rate", func(w http.ResponseWriter, r *http.Request) {
		var in rateRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.SetRate(in.Rate)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /node", func(w http.ResponseWriter, r *http.Request) {
		var in nodeRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.SetNode(r.Context(), in.Node, in.Verb)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /acknowledge", func(w http.ResponseWriter, r *http.Request) {
		var in acknowledgeRequest
		err := read(w, r, &in)
		if err == nil {
			err = l.Acknowledge(in.Person)
		}
		reply(w, done{}, err)
	})
	mux.HandleFunc("POST /carry", func(w http.ResponseWriter, r *http.Request) {
		var in carryRequest
		var d Deployment
		err := read(w, r, &in)
		if err == nil {
			d, err = l.Carry(r.Context(), in.Op, in.Env, in.Version, in.Key)
		}
		reply(w, d, err)
	})
	return notForBrowsers(mux)
}

type (
	deployRequest struct {
		Env     string `json:"env"`
		Version string `json:"version"`
	}
	faultRequest struct {
		Env string `json:"env"`
		Fault
	}
	envRequest struct {
		Env string `json:"env"`
	}
	rateRequest struct {
		Rate int `json:"rate"`
	}
	nodeRequest struct {
		Node string `json:"node"`
		Verb string `json:"verb"`
	}
	acknowledgeRequest struct {
		Person string `json:"person"`
	}
	carryRequest struct {
		Op      string `json:"op"`
		Env     string `json:"env"`
		Version string `json:"version"`
		Key     string `json:"key"`
	}
	done    struct{}
	failure struct {
		Error string `json:"error"`
	}
)

// notForBrowsers keeps web pages from driving the lab of whoever looks at
// them: they send an Origin, or a Host that is a name.
func notForBrowsers(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil || !onLoopback(host) || r.Header.Get("Origin") != "" {
			reply(w, nil, &problem{http.StatusForbidden, "the lab takes orders from programs on this machine only"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

func read(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badRequest("%s: read the request: %v", r.URL.Path, err)
	}
	return nil
}

func reply(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(statusOf(err))
		value = failure{err.Error()}
	}
	_ = json.NewEncoder(w).Encode(value) // the client may have gone
}
