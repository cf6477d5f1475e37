package main

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// thing is the resource: the service names it, another name makes another one, its value can be changed.
type thing struct{ service *service }

type model struct {
	ID     types.String `tfsdk:"id"`
	Name   types.String `tfsdk:"name"`
	Value  types.String `tfsdk:"value"`
	Secret types.String `tfsdk:"secret"`
}

func (m *model) object() *object {
	return &object{ID: m.ID.ValueString(), Name: m.Name.ValueString(), Value: m.Value.ValueString(), Secret: m.Secret.ValueString()}
}

func (m *model) take(found *object) {
	m.ID, m.Name, m.Value = types.StringValue(found.ID), types.StringValue(found.Name), types.StringValue(found.Value)
	if found.Secret != "" {
		m.Secret = types.StringValue(found.Secret)
	}
}

func (*thing) Metadata(_ context.Context, _ resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = "counting_thing"
}

func (*thing) Schema(_ context.Context, _ resource.SchemaRequest, response *resource.SchemaResponse) {
	known := []planmodifier.String{stringplanmodifier.UseStateForUnknown()}
	fixed := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	response.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"id":     schema.StringAttribute{Computed: true, PlanModifiers: known},
		"name":   schema.StringAttribute{Required: true, PlanModifiers: fixed},
		"value":  schema.StringAttribute{Required: true},
		"secret": schema.StringAttribute{Optional: true, Sensitive: true},
	}}
}

func (t *thing) Configure(_ context.Context, request resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if service, ok := request.ProviderData.(*service); ok {
		t.service = service
	}
}

func (t *thing) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var planned model
	response.Diagnostics.Append(request.Plan.Get(ctx, &planned)...)
	found, err := t.service.call("POST", "/things", planned.object())
	if err != nil {
		response.Diagnostics.AddError("The thing could not be made", err.Error())
		return
	}
	planned.take(found)
	response.Diagnostics.Append(response.State.Set(ctx, &planned)...)
}

func (t *thing) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var known model
	response.Diagnostics.Append(request.State.Get(ctx, &known)...)
	found, err := t.service.call("GET", "/things/"+known.ID.ValueString(), nil)
	if errors.Is(err, errGone) {
		response.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		response.Diagnostics.AddError("The thing could not be read", err.Error())
		return
	}
	known.take(found)
	response.Diagnostics.Append(response.State.Set(ctx, &known)...)
}

func (t *thing) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var planned model
	response.Diagnostics.Append(request.Plan.Get(ctx, &planned)...)
	found, err := t.service.call("PUT", "/things/"+planned.ID.ValueString(), planned.object())
	if err != nil {
		response.Diagnostics.AddError("The thing could not be changed", err.Error())
		return
	}
	planned.take(found)
	response.Diagnostics.Append(response.State.Set(ctx, &planned)...)
}

func (t *thing) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var known model
	response.Diagnostics.Append(request.State.Get(ctx, &known)...)
	_, err := t.service.call("DELETE", "/things/"+known.ID.ValueString(), nil)
	if err != nil && !errors.Is(err, errGone) {
		response.Diagnostics.AddError("The thing could not be removed", err.Error())
	}
}

func (*thing) ImportState(ctx context.Context, request resource.ImportStateRequest, response *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("id"), request, response)
}
