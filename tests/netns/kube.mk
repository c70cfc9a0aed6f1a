# SPDX-License-Identifier: GPL-2.0-only
#
# kubectlike: the API client by hand, for kube_*.sh. Sanitized as all that is tested; `-plain` is not, for figures.

NETNS_TOOLS += $(O)/tests/netns/kubectlike $(O)/tests/netns/kubectlike-plain
KUBECTLIKE  := tests/netns/tools/kubectlike.c
KUBE_LIBS   := $(foreach d,kube $(DEPS_kube),$(call unit_lib,$(d)))
KUBE_PLAIN  := $(foreach d,kube $(DEPS_kube),$(call lib,$(d)))

$(O)/tests/netns/kubectlike: $(KUBECTLIKE) $(KUBE_LIBS)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_CFLAGS) -o $@ $< $(KUBE_LIBS) $(LIBS)

$(O)/tests/netns/kubectlike-plain: $(KUBECTLIKE) $(KUBE_PLAIN)
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MF $@.d -MT $@ -o $@ $< $(KUBE_PLAIN) $(LIBS)
