#!/bin/sh
exec kvm-agent "${@:-run}"
