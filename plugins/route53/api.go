package route53

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/route53"
)

// api is what is called of the SDK's client, which is held by nothing else: the
// linker keeps every method of what a backend holds, as a template could call it by
// its name, and of Route 53 there are seventy.
type api struct {
	listZones func(context.Context, *route53.ListHostedZonesByNameInput, ...func(*route53.Options)) (*route53.ListHostedZonesByNameOutput, error)
	listSets  func(context.Context, *route53.ListResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ListResourceRecordSetsOutput, error)
	change    func(context.Context, *route53.ChangeResourceRecordSetsInput, ...func(*route53.Options)) (*route53.ChangeResourceRecordSetsOutput, error)
}

func newAPI(options route53.Options) api {
	c := route53.New(options)
	return api{listZones: c.ListHostedZonesByName, listSets: c.ListResourceRecordSets, change: c.ChangeResourceRecordSets}
}
