Console.Error.WriteLine("kvm-coordinator: nothing to run yet");
return 64;
