package lab

import (
	"errors"
	"fmt"
	"net/http"
)

// problem is a request that the lab does not carry out, with the HTTP status
// that tells why.
type problem struct {
	status int
	text   string
}

func (p *problem) Error() string { return p.text }

// code names the kind of it as the backend script does.
func (p *problem) code() string {
	switch p.status {
	case http.StatusBadRequest:
		return "invalid"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusConflict:
		return "conflict"
	}
	return "refused"
}

func badRequest(format string, args ...any) error {
	return &problem{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &problem{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

func conflict(format string, args ...any) error {
	return &problem{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// statusOf returns the HTTP status that reports err.
func statusOf(err error) int {
	var p *problem
	if errors.As(err, &p) {
		return p.status
	}
	return http.StatusInternalServerError
}
