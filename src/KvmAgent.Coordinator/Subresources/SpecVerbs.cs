using System.Text.Json;
using KvmAgent.Coordinator.Api;
using KvmAgent.Coordinator.Machines;
using KvmAgent.Coordinator.Machines.VirtualMachines;
using KvmAgent.Kubernetes;
using Microsoft.AspNetCore.Http;

namespace KvmAgent.Coordinator.Subresources;

/// <summary>A machine with its instancetype and preference written out.</summary>
internal sealed class SpecVerbs(KubernetesClient client, SizeCache sizes)
{
    public IReadOnlyList<Subresource> All => [new(HttpMethods.Get, MachineVerbs.Resource, "expand-spec", ExpandAsync)];

    private async Task ExpandAsync(SubresourceRequest request)
    {
        var vm = await client.FindAsync(Kinds.VirtualMachines, request.Namespace, request.Name, request.Cancel).ConfigureAwait(false)
            ?? throw MachineVerbs.NotFound(request.Name);
        await sizes.Synced.WaitAsync(request.Cancel).ConfigureAwait(false);
        var (spec, problem) = InstancetypeExpansion.Expand(vm, sizes.InstancetypeOf(vm), sizes.PreferenceOf(vm));
        var expanded = problem is var (_, message)
            ? throw new CoordinatorException(FailureReason.BadRequest, message)
            : vm with { Spec = vm.Spec! with { Template = vm.Spec.Template with { Spec = spec! }, Instancetype = null, Preference = null } };
        await request.AnswerAsync(JsonSerializer.SerializeToNode(expanded, Kinds.VirtualMachines.Json)!).ConfigureAwait(false);
    }
}
