using System.Text.Json.Nodes;

namespace KvmAgent.TestSupport.Tests;

/// <summary>Objects that tests send.</summary>
internal static class Samples
{
    public const string Pods = "/api/v1/namespaces/default/pods", Maps = "/api/v1/namespaces/default/configmaps",
        Things = "/apis/test.io/v1/namespaces/default/things";

    public const string Crd = """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata:
          name: things.test.io
        spec:
          group: test.io
          scope: Namespaced
          names: { plural: things, singular: thing, kind: Thing, shortNames: [th] }
          versions:
          - name: v1
            served: true
            storage: true
            subresources: { status: {} }
            additionalPrinterColumns:
            - { name: Size, type: integer, jsonPath: .spec.size }
            schema:
              openAPIV3Schema:
                type: object
                required: [spec]
                properties:
                  spec:
                    type: object
                    required: [size]
                    properties:
                      size: { type: integer, minimum: 1, maximum: 10 }
                      mode: { type: string, enum: [fast, slow], default: slow }
                      tag: { type: string, pattern: '^[a-z]+$', maxLength: 5 }
                      free: { type: object, x-kubernetes-preserve-unknown-fields: true }
                      disks:
                        type: array
                        maxItems: 3
                        x-kubernetes-list-type: map
                        x-kubernetes-list-map-keys: [name]
                        items:
                          type: object
                          required: [name]
                          properties:
                            name: { type: string }
                            image: { type: string }
                            cache: { type: string, default: none }
                      flags:
                        type: array
                        x-kubernetes-list-type: set
                        items: { type: string }
                      source:
                        type: object
                        properties:
                          url: { type: string }
                          file: { type: string }
                        oneOf:
                        - required: [url]
                        - required: [file]
                  status:
                    type: object
                    properties:
                      phase: { type: string }
          - name: v1beta1
            served: true
            storage: false
            subresources: { status: {} }
            schema:
              openAPIV3Schema:
                type: object
                x-kubernetes-preserve-unknown-fields: true
        """;

    public static string Thing(string name, string spec = """{"size":1}""", string metadata = "") =>
        $$"""{"apiVersion":"test.io/v1","kind":"Thing","metadata":{"name":"{{name}}"{{metadata}}},"spec":{{spec}}}""";

    public static string Pod(string name, string metadata = "", string spec = "") =>
        $$$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{name}}}"{{{metadata}}}},"spec":{"containers":[{"name":"vm","image":"a"}]{{{spec}}}}}""";

    public static string Map(string name, string metadata = "", string data = "{}") =>
        $$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{name}}"{{metadata}}},"data":{{data}}}""";

    public static string OwnedBy(JsonNode owner, bool block = false) =>
        $$""","ownerReferences":[{"apiVersion":"{{owner["apiVersion"]}}","kind":"{{owner["kind"]}}","name":"{{owner["metadata"]!["name"]}}","uid":"{{owner["metadata"]!["uid"]}}","blockOwnerDeletion":{{(block ? "true" : "false")}}}]""";

    public static string Reason(this JsonObject status) => status["reason"]?.GetValue<string>() ?? "";

    public static string Version(this JsonObject json) => json["metadata"]!["resourceVersion"]!.GetValue<string>();

    public static string Uid(this JsonObject json) => json["metadata"]!["uid"]!.GetValue<string>();

    public static IEnumerable<string> Names(this JsonObject list) => list["items"]!.AsArray().Select(static i => i!["metadata"]!["name"]!.GetValue<string>());
}
