using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Api;

/// <summary>Namespaces and CustomResourceDefinitions: they go once nothing is left in them.</summary>
internal sealed partial class Collector
{
    private void Empty(ResourceType type, Stored ns)
    {
        var left = false;
        foreach (var kind in _world.Types.Where(static t => t.Namespaced).ToList())
        {
            foreach (var stored in kind.Table.All(ns.Name).ToList())
            {
                left = true;
                if (!stored.Deleting)
                {
                    Delete(kind, stored, DeleteOptions.Background);
                }
            }
        }

        // What is gone at once has queued the namespace again.
        if (!left)
        {
            var last = ns.Json.Clone();
            last.Object("spec")?.Remove("finalizers");
            if (!ns.Finalizers.Any())
            {
                _world.Remove(type, ns, last);
            }
            else if (!JsonNode.DeepEquals(last, ns.Json))
            {
                _world.Put(type, ns, last);
            }
        }
    }

    private void CleanUp(ResourceType type, Stored crd)
    {
        var kind = _world.TypeOf(crd.Json.Text("spec", "group")!, crd.Json.Text("spec", "names", "plural")!);
        foreach (var stored in kind.Table.All(null).Where(static o => !o.Deleting).ToList())
        {
            Delete(kind, stored, null);
        }

        if (kind.Table.Count == 0)
        {
            DropFinalizer(type, crd, CustomResources.Cleanup);
        }
    }

    private Stored? CrdOf(ResourceType type) => _world.TypeOf("apiextensions.k8s.io", "customresourcedefinitions").Table.Find("", type.Qualified);
}
