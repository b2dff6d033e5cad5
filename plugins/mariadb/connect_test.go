package mariadb

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// TestMySQLIsNoMariaDB: a connection begins with a variable that MySQL does not have.
// MySQL 5.6 says so in these words.
func TestMySQLIsNoMariaDB(t *testing.T) {
	j := &job{&shared.Call{Ctx: t.Context()}, &database{network: "tcp", address: "127.0.0.1:3306"}, nil}
	err := j.unreached(&mysql.MySQLError{Number: 1193, SQLState: [5]byte([]byte("HY000")), Message: "Unknown system variable 'max_statement_time'"})
	if err.Code != effect.CodeUnsupported || !strings.Contains(err.Message, "127.0.0.1:3306 is no MariaDB") || !strings.Contains(err.Hint, "for MySQL") {
		t.Errorf("%v; %s", err, err.Hint)
	}
}
