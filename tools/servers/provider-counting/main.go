// A provider whose resources live in an HTTP service of the test: every effect is a request that the service counts,
// delays, refuses, loses or lets the provider die of.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func main() {
	address := flag.String("address", "providers.example/gitops/counting", "the provider's address")
	flag.Parse()
	options := providerserver.ServeOpts{Address: *address}
	if err := providerserver.Serve(context.Background(), func() provider.Provider { return &counting{} }, options); err != nil {
		log.Fatal(err)
	}
}

// counting is the provider; its one setting is where the service listens.
type counting struct{}

type settings struct {
	Endpoint types.String `tfsdk:"endpoint"`
	Token    types.String `tfsdk:"token"`
}

func (*counting) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "counting"
}

func (*counting) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"endpoint": schema.StringAttribute{Required: true},
		"token":    schema.StringAttribute{Optional: true, Sensitive: true},
	}}
}

func (*counting) Configure(ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse) {
	var read settings
	response.Diagnostics.Append(request.Config.Get(ctx, &read)...)
	client := &service{endpoint: read.Endpoint.ValueString(), token: read.Token.ValueString()}
	response.ResourceData = client
}

func (*counting) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return &thing{} }}
}

func (*counting) DataSources(context.Context) []func() datasource.DataSource {
	return nil
}
