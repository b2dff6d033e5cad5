package model

import "testing"

// TestDestroyed tells what destroys for good from what is made anew, or is only
// scratch.
func TestDestroyed(t *testing.T) {
	for line, destroys := range map[string]bool{
		"rm -rf /var/lib/postgresql/14/main":                true,
		"sudo rm -r -f /srv/data":                           true,
		"cd /srv && rm --recursive --force -f /srv/uploads": true,
		"rm -rf /tmp/run-17":                                false,
		"rm -rf /srv/app/releases/v1":                       false,
		"rm -f /var/run/app.pid":                            false,
		"psql -c 'DROP TABLE orders'":                       true,
		"psql -c 'drop index orders_by_day'":                false,
		"mysql -e 'DELETE FROM users'":                      true,
		"mysql -e 'DELETE FROM users WHERE id = 7'":         false,
		"kubectl -n shop delete pvc data-db-0":              true,
		"kubectl delete namespace shop":                     true,
		"kubectl --context prod delete deployment shop":     true,
		"kubectl delete deployment shop-canary":             false,
		"psql -c 'TRUNCATE events'":                         true,
		"truncate -s 0 /var/log/app":                        false,
		"find /home -mtime +10 -delete":                     true,
		"find /var/log/app -name *.log -mtime +10 -delete":  false,
		"kubectl delete pod web-1":                          false,
		"kubectl -n shop delete deployment --all":           true,
		"terraform -chdir=eu destroy -auto-approve":         true,
		"terraform plan -destroy":                           false,
		"terraform apply plan.out":                          false,
		"aws dynamodb delete-table --table-name state":      true,
		"aws ec2 terminate-instances --instance-ids i-1":    true,
		"aws s3 rm s3://bucket/prefix --recursive":          true,
		"aws ec2 delete-snapshot --snapshot-id snap-1":      true,
		"rabbitmqadmin purge queue name=orders":             true,
		"aws s3 rm s3://bucket/one":                         false,
		"aws ec2 stop-instances --instance-ids i-1":         false,
		"gcloud sql instances delete main --quiet":          true,
		"redis-cli -h cache flushall":                       true,
		"dd if=image.raw of=/dev/sdb":                       true,
		"sitectl delete --permanent --id 7":                 true,
		"systemctl restart nginx":                           false,
		"docker rm -f web":                                  false,
		"git rm -rf docs":                                   false,
		"psql -c 'DROP TABLE orders_old'":                   false,
		"dropdb restore_test":                               false,
		"dropdb main":                                       true,
		"rm -rf /srv/app_cache":                             false,
		"dd if=f of=/dev/null":                              false,
		"gcloud compute instances delete-access-config web": false,
		"kubectl delete secret web-tls":                     false,
		"rsync -aH --delete --hard-links /a/ /b/":           false,
	} {
		if got := Destroyed(line) != ""; got != destroys {
			t.Errorf("%q destroys: %v", line, got)
		}
	}
}
