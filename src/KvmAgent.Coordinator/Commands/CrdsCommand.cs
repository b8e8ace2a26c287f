using System.CommandLine;
using KvmAgent.Coordinator.Api.Schemas;
using KvmAgent.Kubernetes;

namespace KvmAgent.Coordinator.Commands;

/// <summary><c>kvm-coordinator crds</c>: the CustomResourceDefinitions, for <c>kubectl apply --server-side -f -</c>.</summary>
internal static class CrdsCommand
{
    public static Command Create()
    {
        var command = new Command("crds", "Print the CustomResourceDefinitions as YAML.");
        command.SetAction(static _ =>
        {
            foreach (var definition in CustomResourceDefinitions.All)
            {
                Console.Write($"---\n{YamlText.Of(definition)}");
            }
        });
        return command;
    }
}
